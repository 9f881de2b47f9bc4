CREATE TABLE notes (
    id bigint PRIMARY KEY,
    body text NOT NULL
);
CREATE TABLE notes_counter (
    name text PRIMARY KEY,
    count bigint NOT NULL CHECK (count >= 0)
);
CREATE TABLE notes_tag (
    note bigint NOT NULL REFERENCES notes (id),
    tag text NOT NULL,
    UNIQUE (note, tag)
);
CREATE INDEX notes_tag_by_tag ON notes_tag (tag);
CREATE TABLE notes_value (
    id bigint PRIMARY KEY,
    int bigint,
    bool boolean,
    text text,
    bytes bytea,
    uuid uuid,
    "decimal" numeric,
    wide numeric
);
