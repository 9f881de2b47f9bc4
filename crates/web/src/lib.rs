//! HTTP conventions: problems, pages, idempotency keys, authentication, authorisation, OpenAPI.
