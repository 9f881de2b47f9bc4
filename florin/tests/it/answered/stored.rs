//! What the databases under a service refuse, and what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use kit::codes;
use kit::random::SystemRandom;
use serde_json::json;
use store::{Database, PostgresLogin, SqliteFile};
use testkit::postgres::private_database;
use testkit::{Call, Faults, TestApp, World};

use super::{OPERATOR, Seen, provoked, start_faults};

const THINGS: &str = "/faults/v1/things";

/// SQLite's own choice, unless told otherwise.
const PAGE_BYTES: usize = 4096;

fn write<'a>(app: &'a TestApp, id: i64, body: &str) -> Call<'a> {
    let thing = json!({ "id": id, "body": body });
    let call = app.post(THINGS).caller(OPERATOR.0, OPERATOR.1);
    call.key(&format!("{id}-{}", body.len())).json(&thing)
}

fn read(app: &TestApp) -> Call<'_> {
    app.get(THINGS).caller(OPERATOR.0, OPERATOR.1)
}

/// What a database that works refuses.
pub async fn refused(app: &TestApp, seen: &mut Seen) {
    write(app, 20, "x").send().await.expect(201);
    let again = write(app, 20, "another");
    seen.refused(again, &codes::ROW_MUST_KEEP_CONSTRAINTS).await;
    // The request fits, its reply says it twice and does not.
    let large = write(app, 21, &"x".repeat(600_000));
    seen.refused(large, &codes::STORED_PART_MUST_FIT).await;
    let old = provoked(app, "old_work");
    seen.refused(old, &codes::WORK_MUST_BE_RECENT).await;
    let outbox = provoked(app, "outbox_full");
    seen.refused(outbox, &codes::OUTBOX_MUST_HAVE_ROOM).await;
    let parked = provoked(app, "parked_full");
    seen.refused(parked, &codes::PARKED_MUST_HAVE_ROOM).await;
    let endless = provoked(app, "endless");
    seen.refused(endless, &codes::STATEMENT_MUST_END_IN_TIME)
        .await;
    let panics = provoked(app, "panic");
    seen.refused(panics, &codes::INTERNAL_ERROR).await;
    read(app).send().await.expect(200);
}

/// What is answered when the database has gone.
pub async fn closed(app: &TestApp, seen: &mut Seen) {
    app.get("/readyz").send().await.expect(200);
    sqlite(&app.world.database).close().await;
    seen.refused(read(app), &codes::STORE_MUST_BE_AVAILABLE)
        .await;
    let ready = app.get("/readyz");
    seen.refused(ready, &codes::SERVICE_MUST_BE_READY).await;
}

fn sqlite(database: &Database) -> &SqliteFile {
    match database {
        Database::Sqlite(file) => file,
        Database::Postgres(_) => panic!("the world is on SQLite"),
    }
}

/// A file of which the disk lost pages while nobody looked.
pub async fn damaged(seen: &mut Seen) {
    let (app, _) = start_faults(World::sqlite().await).await;
    for id in 0..50 {
        write(&app, id, &"x".repeat(2000)).send().await.expect(201);
    }
    sqlite(&app.world.database).close().await;
    let path = app.world.directory().join("florin.db");
    // Every page that is full of things becomes one of nothing: 0 is no kind of page.
    let mut bytes = std::fs::read(&path).unwrap();
    for page in bytes.chunks_mut(PAGE_BYTES) {
        if page.windows(1000).any(|run| run == [b'x'; 1000]) {
            page.fill(0);
        }
    }
    std::fs::write(&path, bytes).unwrap();
    let (mut world, _) = app.stop().await;
    world.database = Database::Sqlite(SqliteFile::open(&path).await.unwrap());
    let (app, _) = start_faults(world).await;
    seen.refused(read(&app), &codes::STORE_MUST_BE_INTACT).await;
}

/// What needs a server, and another who is at it.
pub async fn refused_on_postgres(seen: &mut Seen) {
    let database = private_database().await;
    Faults::migrate(&database).await.unwrap();
    let url = database.login_url("faults").await;
    let login = || PostgresLogin::new(&url, Arc::new(SystemRandom));
    let world = World::over(Database::Postgres(login()));
    let (app, _) = start_faults(world).await;
    let overtaken = provoked(&app, "overtaken");
    seen.refused(overtaken, &codes::TRANSACTION_MUST_NOT_CONFLICT)
        .await;
    let hung_up = provoked(&app, "hang_up");
    seen.refused(hung_up, &codes::COMMIT_OUTCOME_UNKNOWN).await;
    read(&app).send().await.expect(200);

    let one = login().with_connections_max(1);
    let one = one.with_connection_wait(Duration::from_millis(300));
    let world = World::over(Database::Postgres(one));
    let (app, faults) = start_faults(world).await;
    let second = async {
        faults.entered.notified().await;
        seen.refused(read(&app), &codes::STORE_MUST_HAVE_ROOM).await;
        faults.release.notify_one();
    };
    let (held, ()) = tokio::join!(provoked(&app, "hold").send(), second);
    held.expect(200);
}
