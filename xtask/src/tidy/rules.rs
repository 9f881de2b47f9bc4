//! The table of rules: what findings call them, what must hold, and why.
//!
//! `docs/rules.md` is written from this table, and each rule has a folder of its name in
//! `xtask/fixtures`.

use super::Check::{Both, Reading, Source, Tree};
use super::{
    Rule, budgets, confined, contracts, dependencies, floors, names, pages, services, sql,
    unfinished,
};

/// The rule that a Rust file parses.
pub const PARSES: &str = "parses";
/// The rule that exceptions have reasons and excuse something.
pub const EXCEPTIONS: &str = "exceptions";

/// Every rule, in the order of the page.
pub const RULES: &[Rule] = &[
    Rule {
        name: "floors",
        holds: "dependencies between our crates follow `xtask/floors.toml`: down only, services \
                never each other, `testkit` and `xtask` never shipped",
        why: "what points one way can be read, tested and replaced one part at a time",
        check: Tree(floors::check),
    },
    Rule {
        name: "function-lines",
        holds: "a function has at most 70 lines",
        why: "it fits on a screen, and so in a head",
        check: Source(budgets::function_lines),
    },
    Rule {
        name: "file-lines",
        holds: "a file has at most 800 lines; above 500 tidy warns",
        why: "a file is read in one sitting; two subjects are two files",
        check: Source(budgets::file_lines),
    },
    Rule {
        name: "parameters",
        holds: "a function takes at most five parameters, `self` among them",
        why: "more are a struct that has not been named, and get swapped",
        check: Source(budgets::parameters),
    },
    Rule {
        name: "columns",
        holds: "a line of Rust has at most 100 columns",
        why: "two files fit side by side; rustfmt leaves texts and comments alone",
        check: Source(budgets::columns),
    },
    Rule {
        name: "public-items",
        holds: "at most five items of a service can be reached from outside, none by a glob",
        why: "a service is used through its routes and events, not through its insides",
        check: Tree(budgets::public_items),
    },
    Rule {
        name: "contract-lines",
        holds: "a file of `crates/contracts` has at most 400 lines",
        why: "a service whose public face is longer is two services",
        check: Source(budgets::contract_lines),
    },
    Rule {
        name: "catalogue",
        holds: "every `impl Event` and `impl Work` of `contracts` has its row in the catalogue, \
                and no other crate declares messages",
        why: "what is in the catalogue is described, compared with what was recorded, and tried",
        check: Tree(contracts::catalogue),
    },
    Rule {
        name: "floats",
        holds: "no `f32` or `f64`: no type, no literal with a fraction or exponent, no conversion",
        why: "a float cannot hold a cent; durations are whole milliseconds, rates are decimals",
        check: Source(names::floats),
    },
    Rule {
        name: "environment",
        holds: "the environment is read in `florin` only",
        why: "configuration has one place, one order of precedence and one explanation",
        check: Source(confined::environment),
    },
    Rule {
        name: "clock",
        holds: "the wall clock and the monotonic clock are read in `kit` only, by tests too",
        why: "a test sets the time; what reads the clock by itself cannot be repeated",
        check: Source(confined::clock),
    },
    Rule {
        name: "randomness",
        holds: "random bytes and ids are drawn in `kit` only, by tests too",
        why: "a run with the same seed is the same run",
        check: Source(confined::randomness),
    },
    Rule {
        name: "tasks",
        holds: "tasks are spawned in `host` only; `store` may hand over blocking work",
        why: "what is running is known, bounded and drained at the end",
        check: Source(confined::tasks),
    },
    Rule {
        name: "outbound",
        holds: "an HTTP client, or a connection that is opened, stands in \
                `crates/host/src/outbound` only; tests are free",
        why: "a call that goes through one place is declared, bounded, traced and told by its \
              outcome",
        check: Source(confined::outbound),
    },
    Rule {
        name: "threads",
        holds: "threads are started only in files with a written reason",
        why: "every thread has an owner that joins it",
        check: Source(confined::threads),
    },
    Rule {
        name: "pure-floors",
        holds: "crates on floors 0 and 1 have no `async`, no tokio, no files, no network",
        why: "money and double entry are arithmetic: same input, same answer, everywhere",
        check: Source(confined::pure_floors),
    },
    Rule {
        name: "sleep-in-tests",
        holds: "no test sleeps",
        why: "a sleep is either too short on a slow machine or too long on every other",
        check: Source(confined::sleep_in_tests),
    },
    Rule {
        name: "module-docs",
        holds: "every module's file begins with `//!`",
        why: "a reader learns what it is and promises before how it does it",
        check: Source(names::module_docs),
    },
    Rule {
        name: "banned-modules",
        holds: "no crate or module is called `utils`, `common`, `helpers` or `types`",
        why: "such a name holds anything, and soon does",
        check: Source(names::banned_modules),
    },
    Rule {
        name: "banned-types",
        holds: "no type's name ends with `Manager`, `Helper`, `Data` or `Info`",
        why: "the word is where the name of the thing should be",
        check: Source(names::banned_types),
    },
    Rule {
        name: "ignored-tests",
        holds: "no `#[ignore]`",
        why: "a test that does not run is believed and wrong",
        check: Source(unfinished::ignored_tests),
    },
    Rule {
        name: "unfinished",
        holds: "no `todo!`, `unimplemented!` or `dbg!`",
        why: "it is found by a customer",
        check: Source(unfinished::unfinished),
    },
    Rule {
        name: "owned-notes",
        holds: "a note for later names its owner in brackets",
        why: "a note to nobody is done by nobody",
        check: Both(unfinished::owned_notes, unfinished::owned_notes_elsewhere),
    },
    Rule {
        name: "commented-code",
        holds: "no code in comments: no two lines in a row that read as statements",
        why: "the history keeps what was; a reader cannot tell whether it still matters",
        check: Source(unfinished::commented_code),
    },
    Rule {
        name: "unwraps",
        holds: "no `unwrap()` outside tests",
        why: "what can fail is an error with a code; what cannot says why",
        check: Source(unfinished::unwraps),
    },
    Rule {
        name: "expect-reasons",
        holds: "`expect` gives a reason of three words or more; in tests, any",
        why: "the reason is the proof, and what is read when the proof was wrong",
        check: Source(unfinished::expect_reasons),
    },
    Rule {
        name: "macros",
        holds: "no `macro_rules!` without a written reason",
        why: "a macro is a language only its author speaks",
        check: Source(unfinished::macros),
    },
    Rule {
        name: "statements",
        holds: "every constant of type `Statement` in a service is in its `STATEMENTS`",
        why: "what is listed is executed by a test on both databases",
        check: Tree(sql::statements),
    },
    Rule {
        name: "migrations",
        holds: "both dialects have the same migrations; tables, indexes, triggers and views carry \
                their service's name; tables on SQLite are STRICT",
        why: "the two databases behave the same, and a service can only touch its own",
        check: Tree(sql::migrations),
    },
    Rule {
        name: "sql-text",
        holds: "SQL stands in `store.rs`, migrations and `crates/store` only; tests are free",
        why: "whoever runs the database reads one file per service",
        check: Source(sql::sql_text),
    },
    Rule {
        name: "workspace-dependencies",
        holds: "crates take every dependency from the workspace",
        why: "one version and one set of features of each",
        check: Tree(dependencies::workspace_only),
    },
    Rule {
        name: "dependency-list",
        holds: "every outside crate is used and has a row with a reason in `docs/dependencies.md`",
        why: "each is code we answer for, and time in every build",
        check: Tree(dependencies::listed),
    },
    Rule {
        name: "service-shape",
        holds: "every service has the files of the pattern, and a page with the headings owns, \
                promises, never, states, events; no service's name begins another's",
        why: "whoever knows one service knows where to look in all; whose a table is shows in how \
              its name begins",
        check: Tree(services::shape),
    },
    Rule {
        name: "links",
        holds: "relative links between pages lead somewhere",
        why: "a page that sends its reader nowhere is not believed",
        check: Tree(pages::links),
    },
    Rule {
        name: "mentioned-paths",
        holds: "a path in backticks that begins at a folder of the root is there",
        why: "pages are kept true to the code",
        check: Tree(pages::mentioned_paths),
    },
    Rule {
        name: "machine-paths",
        holds: "no file names a folder of the machine it was written on",
        why: "it means nothing on any other",
        check: Tree(pages::machine_paths),
    },
    Rule {
        name: PARSES,
        holds: "every Rust file parses",
        why: "a file no target includes is not seen by the compiler, and rots",
        check: Reading,
    },
    Rule {
        name: EXCEPTIONS,
        holds: "every line of `xtask/exceptions.toml` names a rule, says why and excuses something",
        why: "an exception outlives its reason unless somebody asks",
        check: Reading,
    },
];
