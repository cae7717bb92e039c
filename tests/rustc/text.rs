//! What a user sees of an error, without what differs between two installations.

/// The errors and warnings without their notes about other files than the user's.
pub(crate) fn essential(stderr: &str, user: &str) -> String {
    let mut text = String::new();
    let mut foreign = false;
    for line in stderr.lines() {
        if is_heading(line) || line.is_empty() {
            foreign = false;
        }
        if let Some(at) = place(line)
            && !at.starts_with(user)
        {
            // The heading of the part, and a line that leads over to it, go too.
            foreign = true;
            if line.trim_start().starts_with("-->") {
                let heading = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
                text.truncate(heading);
            } else if text.ends_with("|\n") {
                let lead = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
                text.truncate(lead);
            }
        }
        if !foreign && !is_sum(line) {
            text += line.trim_end();
            text.push('\n');
        }
    }
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    let parts: Vec<String> = text.trim().split("\n\n").map(narrowed).collect();
    parts.join("\n\n") + "\n"
}

/// A diagnostic whose margin is as wide as the line numbers that it still has.
fn narrowed(diagnostic: &str) -> String {
    let arrow = diagnostic.lines().find_map(|line| line.find("--> "));
    let numbers = diagnostic.lines().map(|line| {
        let line = line.trim_start();
        line.find(|c: char| !c.is_ascii_digit()).unwrap_or(0)
    });
    let Some(extra) = arrow.and_then(|width| width.checked_sub(numbers.max()?)) else {
        return diagnostic.to_owned();
    };
    let margin = " ".repeat(extra);
    let lines = diagnostic.lines();
    let lines = lines.map(|line| line.strip_prefix(&margin).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// Where a diagnostic points to.
fn place(line: &str) -> Option<&str> {
    let line = line.trim_start();
    line.strip_prefix("--> ")
        .or_else(|| line.strip_prefix("::: "))
}

fn is_heading(line: &str) -> bool {
    ["error", "warning", "note", "help"]
        .iter()
        .any(|kind| line.starts_with(kind))
}

/// The lines at the end, about all errors together.
fn is_sum(line: &str) -> bool {
    line.starts_with("error: aborting due to")
        || line.starts_with("For more information about")
        || line.starts_with("Some errors have detailed explanations")
        || (line.starts_with("warning: ") && line.ends_with("emitted"))
}
