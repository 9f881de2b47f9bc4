CREATE TABLE notes (
    id INTEGER PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE notes_counter (
    name TEXT PRIMARY KEY,
    count INTEGER NOT NULL CHECK (count >= 0)
) STRICT;
CREATE TABLE notes_tag (
    note INTEGER NOT NULL REFERENCES notes (id),
    tag TEXT NOT NULL,
    UNIQUE (note, tag)
) STRICT;
CREATE INDEX notes_tag_by_tag ON notes_tag (tag);
CREATE TABLE notes_value (
    id INTEGER PRIMARY KEY,
    int INTEGER,
    bool INTEGER,
    text TEXT,
    bytes BLOB,
    uuid BLOB,
    decimal TEXT,
    wide TEXT
) STRICT;
