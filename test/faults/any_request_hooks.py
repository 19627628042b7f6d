"""What no schema can say of a request that is to be taken."""

import schemathesis

PAGES_IN_REACH = 20
TIMES = ("timestamp", "before_timestamp")


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    # Only who has a token may leave it out.
    if case.operation.path.startswith("/api/messages") and isinstance(case.body, dict):
        case.body.setdefault("sender_id", "alice")
    if case.operation.method != "get":
        return
    query = case.query
    # A cursor can't be made up, only handed on.
    query.pop("cursor", None)
    # Of the greatest size as many pages are in reach, of others more.
    if isinstance(query.get("page"), int):
        query["page"] = min(query["page"], PAGES_IN_REACH)
    # One of the two is required, and both must be the same.
    if case.operation.path.endswith("/before"):
        time = next((query[name] for name in TIMES if name in query), "2026-01-31T09:30:00Z")
        query.pop("timestamp", None)
        query["before_timestamp"] = time
