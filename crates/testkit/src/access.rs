//! Who may call what: a service's rows of the access table, written down a second time and tried.
//!
//! Promises: a row that is missing, surplus or another than was written fails the test, and so does
//! a route that admits another role than its row says. Does not: try whose data a caller sees.

use std::collections::BTreeSet;

use kit::codes;
use reqwest::Method;
use web::access::service_of;
use web::{AccessTable, Role};

use crate::TestApp;

/// The rows of one service once more, as an auditor would write them down: who may do more than
/// yesterday is changed in two places.
pub struct Access {
    /// What the service's paths begin with: `/notifications/v1`.
    pub base: &'static str,
    /// The method, the path behind the base, and all roles that may call it.
    pub rows: &'static [(&'static str, &'static str, &'static [Role])],
    /// Each parameter of the paths, in its braces, and what a call has there: well formed, and the
    /// name of nothing, so that a role that is let in is answered what does not depend on it.
    pub parameters: &'static [(&'static str, &'static str)],
}

impl Access {
    /// Fails unless the rows of the service in the embedded table are exactly these.
    #[track_caller]
    pub fn assert_in_table(&self) {
        let service = self.base.split('/').nth(1);
        let service = service.expect("a base begins with a slash and a service");
        let rows = AccessTable::embedded().rows();
        let own = rows.filter(|((_, path), _)| service_of(path) == Some(service));
        let own: BTreeSet<(String, String, BTreeSet<Role>)> = own
            .map(|((method, path), rule)| {
                assert_eq!(rule.scope, None, "no machine comes in without a role");
                (method.clone(), path.clone(), rule.roles.clone())
            })
            .collect();
        let written = self.rows.iter().map(|(method, rest, roles)| {
            let path = format!("{}/{rest}", self.base);
            ((*method).to_owned(), path, roles.iter().copied().collect())
        });
        assert_eq!(own, written.collect());
    }

    /// Fails unless each route refuses a call without a token, admits every role of its row, and
    /// refuses every other. Cost: a call per row and role, and one more per row.
    pub async fn assert_admits(&self, app: &TestApp) {
        for (method, rest, roles) in self.rows {
            let path = self.path(rest);
            let method = Method::from_bytes(method.as_bytes()).expect("a row has a method of HTTP");
            let anonymous = app.call(method.clone(), &path).send().await.expect(401);
            assert_eq!(anonymous.code(), codes::TOKEN_MISSING.name);
            for role in Role::ALL {
                let answer = app.call(method.clone(), &path).caller(role, "somebody");
                let answer = answer.send().await;
                let admitted = !matches!(answer.status, 401 | 403);
                assert_eq!(admitted, roles.contains(&role), "{role} {method} {path}");
                if !admitted {
                    assert_eq!(answer.code(), codes::ROLE_NOT_ALLOWED.name);
                }
            }
        }
    }

    /// The path of a row as a call has it.
    fn path(&self, rest: &str) -> String {
        let path = format!("{}/{rest}", self.base);
        let named = |path: String, (name, value): &(&str, &str)| path.replace(name, value);
        let path = self.parameters.iter().fold(path, named);
        assert!(!path.contains('{'), "a parameter has no value: {path}");
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS: Access = Access {
        base: "/sagas/v1",
        rows: &[("GET", "sagas/{id}", &[Role::Auditor])],
        parameters: &[],
    };

    #[test]
    #[should_panic(expected = "left == right")]
    fn a_row_that_is_not_written_down_is_refused() {
        ACCESS.assert_in_table();
    }

    #[test]
    #[should_panic(expected = "a parameter has no value: /sagas/v1/sagas/{id}")]
    fn a_path_that_names_nothing_is_refused() {
        drop(ACCESS.path("sagas/{id}"));
    }
}
