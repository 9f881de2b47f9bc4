//! The binary as a whole: it starts, says so, serves, logs, and stops when told.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

fn florin(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_florin"));
    command.current_dir(home).env_clear().args(arguments);
    command
}

pub(super) fn output(home: &Path, arguments: &[&str]) -> Output {
    florin(home, arguments).output().unwrap()
}

/// Where the process writes its log: a pipe that nobody empties would stop it.
fn log_of(home: &Path) -> PathBuf {
    home.join("stdout.log")
}

/// A running `florin up`, killed if the test ends early.
pub(super) struct Up {
    child: Child,
    /// Kept open, so that later lines have a reader.
    stderr: BufReader<ChildStderr>,
    pub(super) said: String,
    log: PathBuf,
}

impl Up {
    pub(super) fn start(home: &Path, arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", home, arguments)
    }

    /// As [`Self::start`], where it is told to listen.
    pub(super) fn start_at(listen: &str, home: &Path, arguments: &[&str]) -> Self {
        let mut all = vec!["up", "--listen", listen];
        all.extend(arguments);
        let mut command = florin(home, &all);
        let mut child = command
            .stdout(File::create(log_of(home)).unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while stderr.read_line(&mut said).unwrap() > 0 && !said.contains("  stop") {}
        Self {
            child,
            stderr,
            said,
            log: log_of(home),
        }
    }

    pub(super) fn url(&self) -> &str {
        let line = self
            .said
            .lines()
            .find_map(|line| line.strip_prefix("florin listens on "));
        line.unwrap_or_else(|| panic!("it did not start: {}", self.said))
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: &str) {
        let mut kill = Command::new("kill");
        let sent = kill.args([signal, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Asks it to stop; answers how it ended and what it logged.
    pub(super) fn stop(mut self) -> (ExitStatus, String) {
        self.signal("-TERM");
        self.stderr.read_to_string(&mut self.said).unwrap();
        let status = self.child.wait().unwrap();
        (status, std::fs::read_to_string(&self.log).unwrap())
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A token of this machine's own issuer.
pub(super) fn token_of(home: &Path, role: &str) -> String {
    let minted = output(home, &["token", "--role", role, "--subject", "alice"]);
    assert!(minted.status.success());
    String::from_utf8(minted.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn it_starts_serves_logs_and_stops() {
    let home = TempDir::new().unwrap();
    let up = Up::start(home.path(), &[]);
    for line in [
        "roles    dead-letters, ledger, notifications",
        "data     ./data",
        "token    florin token",
    ] {
        assert!(up.said.contains(line), "{}", up.said);
    }
    let token = token_of(home.path(), "customer");
    let client = reqwest::Client::new();
    let url = format!("{}/notifications/v1/messages", up.url());
    let private = "4111111111111111";
    let mine = client.get(&url).bearer_auth(&token).send().await.unwrap();
    assert_eq!(mine.status(), 200);
    let wrong = client
        .get(format!("{url}/{private}?q={private}"))
        .bearer_auth(private);
    assert_eq!(wrong.send().await.unwrap().status(), 401);
    // An answer of the book waits until its journal has been replayed; then all is ready.
    let auditor = token_of(home.path(), "auditor");
    let head = client
        .get(format!("{}/ledger/v1/books/main/journal", up.url()))
        .bearer_auth(auditor);
    assert_eq!(head.send().await.unwrap().status(), 200);
    let ready = client.get(format!("{}/readyz", up.url()));
    assert_eq!(ready.send().await.unwrap().status(), 200);
    let (status, log) = up.stop();
    assert!(status.success(), "{status}");
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("a log line is JSON"))
        .collect();
    assert!(
        lines
            .iter()
            .any(|line| line["message"] == "request" && line["status"] == 200)
    );
    for secret in [private, token.as_str(), token.rsplit('.').next().unwrap()] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn what_was_kept_is_there_after_a_restart_and_the_key_is_the_same() {
    let home = TempDir::new().unwrap();
    let keys = async |up: &Up| {
        let url = format!("{}/.well-known/jwks.json", up.url());
        reqwest::get(url).await.unwrap().text().await.unwrap()
    };
    let first = Up::start(home.path(), &["--role", "notifications"]);
    let before = keys(&first).await;
    assert!(first.stop().0.success());
    let second = Up::start(home.path(), &["--role", "notifications"]);
    assert_eq!(keys(&second).await, before);
}

#[tokio::test]
async fn a_role_that_does_not_run_has_no_routes() {
    let home = TempDir::new().unwrap();
    let up = Up::start(home.path(), &["--role", "notifications"]);
    let other = reqwest::get(format!("{}/ledger/v1/books", up.url()))
        .await
        .unwrap();
    assert_eq!(other.status(), 404);
    let own = reqwest::get(format!("{}/notifications/v1/messages", up.url()))
        .await
        .unwrap();
    assert_eq!(own.status(), 401);
}

#[test]
fn an_edition_runs_its_roles() {
    let home = TempDir::new().unwrap();
    let up = Up::start(home.path(), &["--edition", "counselor"]);
    let roles = "roles    dead-letters, notifications";
    assert!(up.said.contains(roles), "{}", up.said);
}

#[track_caller]
pub(super) fn refused(home: &Path, arguments: &[&str], says: &str) {
    let output = output(home, arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(error.contains(says), "{error}");
    assert_eq!(error.trim().lines().count(), 1, "{error}");
}

#[test]
fn a_mistake_is_one_line_that_names_it() {
    let home = TempDir::new().unwrap();
    let roles: Vec<&str> = florin::roles::ROLES.iter().map(|role| role.name).collect();
    let known = format!("role must be one of {}: ledgr", roles.join(", "));
    refused(home.path(), &["up", "--role", "ledgr"], &known);
    let known = "edition must be one of counselor, finflow, fintrust, flowlet, premium: x";
    refused(home.path(), &["up", "--edition", "x"], known);
    std::fs::write(home.path().join("florin.toml"), "[http]\nrequest_max = 5\n").unwrap();
    let says = "florin.toml:2: http.request_max: unknown key; did you mean `requests_max`?";
    refused(home.path(), &["config", "check"], says);
    refused(
        home.path(),
        &["--config", "absent.toml", "config", "check"],
        "absent.toml",
    );
}

#[test]
fn the_check_says_of_a_role_by_itself_what_its_start_would() {
    let home = TempDir::new().unwrap();
    let says = "messages.carrier must be rabbitmq or kafka where roles run apart";
    for command in [&["up"][..], &["config", "check"]] {
        refused(home.path(), &[command, &["--role", "sagas"]].concat(), says);
    }
    let all = output(home.path(), &["config", "check"]);
    assert!(all.status.success());
    assert!(!home.path().join("data").exists(), "nothing is made");
}

#[test]
fn a_second_process_does_not_share_the_data() {
    let home = TempDir::new().unwrap();
    let _first = Up::start(home.path(), &[]);
    refused(
        home.path(),
        &["up", "--listen", "127.0.0.1:0"],
        "must not be open in another",
    );
}

#[test]
fn what_is_in_force_can_be_shown_and_read_again() {
    let home = TempDir::new().unwrap();
    let shown = output(home.path(), &["config", "show"]);
    std::fs::write(home.path().join("florin.toml"), &shown.stdout).unwrap();
    let again = output(home.path(), &["config", "show"]);
    assert!(again.status.success());
    assert_eq!(shown.stdout, again.stdout);
}

#[test]
fn variables_go_over_the_file_and_arguments_over_both() {
    let home = TempDir::new().unwrap();
    std::fs::write(
        home.path().join("florin.toml"),
        "[http]\nrequests_max = 5\n",
    )
    .unwrap();
    let mut command = florin(home.path(), &["config", "show"]);
    command
        .env("FLORIN_HTTP__REQUESTS_MAX", "7")
        .env("FLORIN_ROLES", "[\"ledger\"]");
    let shown = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(shown.contains("requests_max = 7"), "{shown}");
    assert!(shown.contains("roles = [\"ledger\"]"), "{shown}");
    let mut command = florin(home.path(), &["config", "check"]);
    let output = command
        .env("FLORIN_HTTP__REQUEST_MAX", "7")
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("FLORIN_HTTP__REQUEST_MAX: unknown key; did you mean"),
        "{error}"
    );
}

#[test]
fn the_access_table_can_be_read() {
    let home = TempDir::new().unwrap();
    let text = String::from_utf8(output(home.path(), &["access"]).stdout).unwrap();
    for line in [
        "GET    /livez",
        "       anybody",
        "POST   /notifications/v1/messages",
    ] {
        assert!(text.contains(line), "{text}");
    }
}
