"""Makes generated requests valid where a schema cannot express the rule."""

from uuid import uuid4

import schemathesis

PAGES_IN_REACH = 20
TIMES = ("timestamp", "before_timestamp")

# One participant of each created conversation, since only participants may mark it as read.
participants = {}


def user_id_of(value):
    """The user id that the service reads from a JSON value: 1, 1.0 and "1" are the same user."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


@schemathesis.hook
def after_call(context, case, response):
    if case.operation.path == "/api/conversations" and response.status_code in (200, 201):
        conversation = response.json()
        participants[conversation["id"]] = conversation["participant_ids"][0]


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    # A key stands for one body.
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid4())
    if isinstance(case.body, dict):
        users = case.body.get("participant_ids")
        if case.operation.path == "/api/conversations" and isinstance(users, list):
            # Only groups have a name and a creator, who is one of the participants.
            if len(users) <= 2:
                case.body.pop("name", None)
                case.body.pop("creator_id", None)
            else:
                distinct = list({user_id_of(user): user for user in users}.values())
                known = {user_id_of(user) for user in distinct}
                others = [user for user in ("alice", "bob", "carol") if user not in known]
                distinct += others[: max(0, 3 - len(distinct))]
                case.body["participant_ids"] = distinct
                case.body["creator_id"] = distinct[0]
        if case.operation.path.endswith("/messages"):
            sender = participants.get((case.path_parameters or {}).get("conversation_id"))
            if sender is not None:
                case.body["sender_id"] = sender
            case.body.setdefault("sender_id", "alice")
        # Only callers with a token may omit it.
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
