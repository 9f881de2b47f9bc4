//! SQLite and PostgreSQL behind one API of synchronous transaction closures.
