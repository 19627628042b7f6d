"""Makes generated requests valid where a schema cannot express the rule."""

import schemathesis

PAGES_IN_REACH = 20
TIMES = ("timestamp", "before_timestamp")

# One participant of each created conversation, since only participants may mark it as read.
participants = {}


@schemathesis.hook
def after_call(context, case, response):
    if case.operation.path == "/api/conversations" and response.status_code in (200, 201):
        conversation = response.json()
        participants[conversation["id"]] = conversation["participant_ids"][0]


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    # Only callers with a token may omit it.
    if isinstance(case.body, dict):
        if case.operation.path.startswith("/api/messages"):
            case.body.setdefault("sender_id", "alice")
        if case.operation.path.endswith("/read"):
            reader = participants.get((case.path_parameters or {}).get("conversation_id"))
            if reader is not None:
                case.body["user_id"] = reader
            case.body.setdefault("user_id", "alice")
    if case.operation.method != "get":
        return
    query = case.query
    # Cursors come from responses only.
    query.pop("cursor", None)
    case.headers.pop("Last-Event-ID", None)
    # The maximum page number for pages of the maximum size.
    if isinstance(query.get("page"), int):
        query["page"] = min(query["page"], PAGES_IN_REACH)
    # One of the two is required. If both are given, they must be equal.
    if case.operation.path.endswith("/before"):
        time = next((query[name] for name in TIMES if name in query), "2026-01-31T09:30:00Z")
        query.pop("timestamp", None)
        query["before_timestamp"] = time
