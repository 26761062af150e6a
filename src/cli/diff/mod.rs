//! `matapalo diff`: compares stored answers offline: two files, or many pairs as JSON lines.
//!
//! [`pair`] reads a line of `--pairs`, [`raw`] a file that holds one answer. What differs is said by [`crate::diff`], which never
//! sees a file.

mod pair;
mod raw;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use serde::Serialize;

use super::{Exit, Format, print};
use crate::config::spec::read_rules;
use crate::diff::{self, Comparison, Difference, Hidden, Outcome, Rules, RulesSpec, Severity};
use crate::evidence::time::millis;
use pair::PairLine;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Legacy's answer: a body, or a whole response that begins with `HTTP/`
    #[arg(required_unless_present = "pairs", requires = "candidate", conflicts_with = "pairs")]
    pub control: Option<PathBuf>,
    /// New's answer: likewise
    #[arg(conflicts_with = "pairs")]
    pub candidate: Option<PathBuf>,
    /// Pairs of answers, one JSON object per line; `-` reads stdin
    #[arg(long, value_name = "FILE")]
    pub pairs: Option<PathBuf>,
    /// What bare bodies are, such as `json`, `html` or `text/csv` [default: told by the content]
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "pairs")]
    pub media_type: Option<String>,
    /// A `diff:` block, as YAML or JSON; pairs that bring their own `diff` use that
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// # Errors
/// A file cannot be read, or is no answer. A line of `--pairs` that is no pair is told on stderr, and the others are still answered.
pub fn run(_config: &Path, args: &Args) -> anyhow::Result<Exit> {
    let rules = rules(args.rules.as_deref())?;
    match (&args.pairs, &args.control, &args.candidate) {
        (Some(file), _, _) => pairs(file, &rules),
        (None, Some(control), Some(candidate)) => two_files(control, candidate, args, &rules),
        _ => anyhow::bail!("want two files to compare, or --pairs FILE"),
    }
}

fn rules(file: Option<&Path>) -> anyhow::Result<Rules> {
    let Some(file) = file else { return Ok(Rules::default()) };
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let spec = read_rules(&text).map_err(|error| anyhow::anyhow!("{} is no diff block: {error}", file.display()))?;
    compile(&spec).with_context(|| file.display().to_string())
}

/// All mistakes of a block in one error, each with its keys.
fn compile(spec: &RulesSpec) -> anyhow::Result<Rules> {
    Rules::compile(spec).map_err(|errors| {
        let told: Vec<String> = errors.iter().map(|error| format!("diff.{}: {error}", error.at.join("."))).collect();
        anyhow::anyhow!(told.join("; "))
    })
}

fn two_files(control: &Path, candidate: &Path, args: &Args, rules: &Rules) -> anyhow::Result<Exit> {
    let media_type = args.media_type.as_deref();
    let (old, new) = (raw::read(control, media_type)?, raw::read(candidate, media_type)?);
    let found = diff::compare_at(now(), &pair::unknown_request(), &old, &new, rules);
    match args.format {
        Format::Json => print::json(&Answer::new(serde_json::Value::Null, &found))?,
        Format::Text => print::say(&told(&found))?,
    }
    Ok(exit(found.outcome))
}

fn exit(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Matched | Outcome::Ignored => Exit::Good,
        Outcome::Mismatched | Outcome::Inconclusive => Exit::No,
    }
}

/// Stored answers are judged by today's rules: what was accepted until yesterday counts again.
fn now() -> Option<i64> {
    i64::try_from(millis(SystemTime::now()) / 1000).ok()
}

/// One line of the answer to `--pairs`.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    id: serde_json::Value,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The differences as the report would count them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Named<'a>>,
    differences: &'a [Difference],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ignored: &'a [Difference],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    hidden: &'a [Hidden],
    #[serde(skip_serializing_if = "is_zero")]
    more: u32,
}

/// A cause by the name that the report gives it.
#[derive(Debug, Serialize)]
struct Named<'a> {
    kind: &'static str,
    /// Indexes collapsed.
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    /// By how much, at the first place.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    severity: Severity,
    places: usize,
}

impl<'a> From<Cause<'a>> for Named<'a> {
    fn from(cause: Cause<'a>) -> Self {
        let Cause { first, place, places } = cause;
        let (kind, severity) = (first.kind.name(), first.severity);
        Self { kind, path: place, cause: first.cause.as_deref(), detail: detail(first), severity, places }
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl<'a> Answer<'a> {
    fn new(id: serde_json::Value, found: &'a Comparison) -> Self {
        let (outcome, reason) = match found.outcome {
            Outcome::Matched => ("matched", None),
            Outcome::Ignored => ("ignored", None),
            Outcome::Mismatched => ("mismatched", None),
            Outcome::Inconclusive => ("unproven", Some("both_failed")),
        };
        let Comparison { differences, ignored, hidden, more, .. } = found;
        let causes = causes(differences).into_iter().map(Named::from).collect();
        Self { id, outcome, reason, causes, differences, ignored, hidden, more: *more }
    }
}

fn told(found: &Comparison) -> String {
    let answer = Answer::new(serde_json::Value::Null, found);
    let mut text = match answer.reason {
        Some(reason) => format!("{} ({reason})\n", answer.outcome),
        None => format!("{}\n", answer.outcome),
    };
    for (word, differences) in [("", &found.differences), ("ignored ", &found.ignored)] {
        for cause in causes(differences) {
            text.push_str(&line(word, &cause));
        }
    }
    if found.more > 0 {
        text.push_str(&format!("  and {} more differences\n", found.more));
    }
    for hidden in &found.hidden {
        text.push_str(&format!(
            "  hidden by {}: {} (for example {})\n",
            hidden.rule,
            hidden.count,
            place(&hidden.example_path)
        ));
    }
    text
}

/// Differences that the report would count as one cause, as long as it has learned nothing of this route: the first, and how many.
struct Cause<'a> {
    first: &'a Difference,
    place: String,
    places: usize,
}

fn detail(difference: &Difference) -> Option<String> {
    let Difference { cause, control, candidate, .. } = difference;
    diff::cause::detail(cause.as_deref()?, control.as_deref()?, candidate.as_deref()?)
}

fn causes(differences: &[Difference]) -> Vec<Cause<'_>> {
    let mut causes: Vec<Cause<'_>> = Vec::new();
    for difference in differences {
        let place = diff::cause::collapse(&difference.path);
        let is_same = |cause: &&mut Cause<'_>| {
            let Difference { kind, cause: why, rule, .. } = cause.first;
            (*kind, why, rule, &cause.place) == (difference.kind, &difference.cause, &difference.rule, &place)
        };
        match causes.iter_mut().find(is_same) {
            Some(cause) => cause.places += 1,
            None => causes.push(Cause { first: difference, place, places: 1 }),
        }
    }
    causes
}

/// `value: truncated, at byte 255  at /results/*/Votes`, as the report calls it; then the first place and what stands there.
fn line(word: &str, cause: &Cause<'_>) -> String {
    let Cause { first, place: collapsed, places } = cause;
    let value = |side: &Option<String>| side.as_deref().unwrap_or("(nothing)").replace('\n', "\\n");
    let why = first.cause.as_ref().map_or_else(String::new, |cause| format!(": {cause}"));
    let detail = detail(first).map_or_else(String::new, |detail| format!(", {detail}"));
    let exact = if *collapsed == first.path { String::new() } else { format!(" ({})", first.path) };
    let more = if *places == 1 { String::new() } else { format!("  and {} more such places", places - 1) };
    let rule = first.rule.as_ref().map_or_else(String::new, |rule| format!("  [{rule}]"));
    format!(
        "  {word}{}{why}{detail}  at {}{exact}: {} → {}{more}{rule}\n",
        first.kind.name(),
        place(collapsed),
        value(&first.control),
        value(&first.candidate)
    )
}

fn place(path: &str) -> &str {
    if path.is_empty() { "(root)" } else { path }
}

fn pairs(file: &Path, rules: &Rules) -> anyhow::Result<Exit> {
    let name = file.display().to_string();
    let source: Box<dyn Read> = if name == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(file).with_context(|| format!("cannot read {name}"))?)
    };
    let reader = BufReader::with_capacity(READ_AHEAD, source);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut seen = Seen::default();
    let read = each_line(reader, &name, rules, &mut out, &mut seen);
    match read.and_then(|()| out.flush().map_err(Into::into)) {
        Err(error) if is_closed_pipe(&error) => {}
        result => result?,
    }
    Ok(seen.exit())
}

/// Bytes of pairs that are read at once.
const READ_AHEAD: usize = 64 << 10;

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[derive(Debug, Default)]
struct Seen {
    differing: bool,
    trouble: bool,
}

impl Seen {
    fn exit(&self) -> Exit {
        match (self.trouble, self.differing) {
            (true, _) => Exit::Trouble,
            (false, true) => Exit::No,
            (false, false) => Exit::Good,
        }
    }
}

/// Who sends pair by pair gets answer by answer: all is told before more is waited for.
fn each_line(
    mut reader: BufReader<impl Read>,
    name: &str,
    rules: &Rules,
    out: &mut impl Write,
    seen: &mut Seen,
) -> anyhow::Result<()> {
    let mut line = Vec::new();
    for number in 1_usize.. {
        line.clear();
        if reader.read_until(b'\n', &mut line).with_context(|| format!("cannot read {name}"))? == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match answer(&line, number, rules) {
            Ok((id, found)) => {
                seen.differing |= exit(found.outcome) == Exit::No;
                serde_json::to_writer(&mut *out, &Answer::new(id, &found)).map_err(io::Error::from)?;
                out.write_all(b"\n")?;
            }
            Err(error) => {
                seen.trouble = true;
                print::trouble(&error.context(format!("{name}:{number}")));
            }
        }
        if reader.buffer().is_empty() {
            out.flush()?;
        }
    }
    Ok(())
}

fn answer(line: &[u8], number: usize, rules: &Rules) -> anyhow::Result<(serde_json::Value, Comparison)> {
    let pair: PairLine = serde_json::from_slice(line).context("no pair of answers")?;
    let own = pair.diff.as_ref().map(compile).transpose()?;
    let request = pair.request()?;
    let (control, candidate) = (pair.control.observation("control")?, pair.candidate.observation("candidate")?);
    let found = diff::compare_at(now(), &request, &control, &candidate, own.as_ref().unwrap_or(rules));
    let id = if pair.id.is_null() { serde_json::Value::from(number) } else { pair.id };
    Ok((id, found))
}

#[cfg(test)]
mod tests;
