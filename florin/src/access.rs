//! `florin access`: who may call what, as a table to read.

use std::fmt::Write as _;

use web::{AccessTable, Role};

/// The role × route table of this binary as text: one line per route, one column per role.
#[must_use]
pub fn text(table: &AccessTable) -> String {
    let mut text = String::new();
    for (method, path) in web::access::OPEN {
        let _ = writeln!(text, "{method:<7}{path}\n       anybody");
    }
    for ((method, path), rule) in table.rows() {
        let mut who: Vec<&str> = Role::ALL
            .iter()
            .filter(|role| rule.roles.contains(role))
            .map(|role| role.name())
            .collect();
        let scope = rule.scope.as_ref().map(|scope| format!("scope {scope}"));
        who.extend(scope.as_deref());
        let _ = writeln!(text, "{method:<7}{path}\n       {}", who.join(", "));
    }
    text
}

/// Prints it.
pub fn run() {
    print!("{}", text(AccessTable::embedded()));
}
