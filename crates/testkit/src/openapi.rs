//! Recorded documents: what is served is what is in the repository.

use std::fs;
use std::path::Path;

/// Fails if the recorded text at `path` is another than `text`, and leaves the new text in the
/// system's temporary directory, to be compared and, if the change is meant, copied over.
#[track_caller]
pub fn assert_recorded(path: &Path, text: &str) {
    let recorded = fs::read_to_string(path).unwrap_or_default();
    if recorded == text {
        return;
    }
    let name = path
        .file_name()
        .expect("a recorded document has a file name");
    let fresh = std::env::temp_dir().join(name);
    fs::write(&fresh, text).expect("the temporary directory can be written");
    let line = recorded
        .lines()
        .zip(text.lines())
        .take_while(|(old, new)| old == new)
        .count()
        + 1;
    panic!(
        "the recorded document differs from line {line}; if that is meant: cp {} {}",
        fresh.display(),
        path.display()
    );
}
