//! JSON pointers (RFC 6901) from the paths that deserialisers report.

use serde_path_to_error::Segment;

/// Appends one reference token, with `~` and `/` escaped (RFC 6901, section 3).
pub(crate) fn push(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

/// The pointer of a path that `serde_path_to_error` followed.
pub(crate) fn of_path(path: &serde_path_to_error::Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => push(&mut pointer, &index.to_string()),
            Segment::Map { key } => push(&mut pointer, key),
            Segment::Enum { variant } => push(&mut pointer, variant),
            Segment::Unknown => {}
        }
    }
    pointer
}

/// The pointer of a member that `serde_ignored` found without a home.
pub(crate) fn of_ignored(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => {
            let mut pointer = of_ignored(parent);
            push(&mut pointer, &index.to_string());
            pointer
        }
        Path::Map { parent, key } => {
            let mut pointer = of_ignored(parent);
            push(&mut pointer, key);
            pointer
        }
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => of_ignored(parent),
    }
}
