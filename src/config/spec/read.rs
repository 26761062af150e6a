//! Reads a file into its spec. The happy path is one call of serde_yaml; only when that refuses is the text read again
//! leniently, and mended node by node until it fits, so that every mistake is found and the schema exists once.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, EnumAccess, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_path_to_error::Segment;
use serde_yaml::{Mapping, Value};

use super::sentence::Sentence;
use super::{IncludedSpec, RouteSpec, Spec};
use crate::config::at::{KeyPath, Place, Step};
use crate::config::mistake::{Hinge, Mistake, Points};

/// More mistakes than this are not told at once.
pub const MOST_MISTAKES: usize = 50;

/// A file as far as it could be read.
#[derive(Debug)]
pub struct Read<T> {
    /// `None`: it is not even YAML.
    pub spec: Option<T>,
    pub mistakes: Vec<Mistake>,
    /// Some key is written twice; the outline of the file knows which.
    pub repeats: bool,
}

/// A kind of config file.
pub trait Document: DeserializeOwned + Default {
    /// Puts routes back that were read one by one.
    fn set_routes(&mut self, routes: Vec<RouteSpec>);
}

impl Document for Spec {
    fn set_routes(&mut self, routes: Vec<RouteSpec>) {
        self.routes = Some(routes);
    }
}

impl Document for IncludedSpec {
    fn set_routes(&mut self, routes: Vec<RouteSpec>) {
        self.routes = Some(routes);
    }
}

/// Reads the text of the file with this index.
pub fn read<T: Document>(text: &str, file: usize) -> Read<T> {
    match serde_yaml::from_str::<T>(text) {
        Ok(spec) => Read { spec: Some(spec), mistakes: Vec::new(), repeats: false },
        Err(error) => Mending { file, mistakes: Vec::new() }.read(text, &error),
    }
}

struct Mending {
    file: usize,
    mistakes: Vec<Mistake>,
}

impl Mending {
    fn read<T: Document>(mut self, text: &str, refused: &serde_yaml::Error) -> Read<T> {
        let value = match serde_yaml::from_str::<Lenient>(text) {
            Ok(Lenient(value)) => value,
            Err(error) => {
                self.mistakes.push(not_yaml(self.file, &error));
                return Read { spec: None, mistakes: self.mistakes, repeats: false };
            }
        };
        let Value::Mapping(mut top) = value else {
            let says =
                if value.is_null() { "is empty: there is no config in it" } else { "is no mapping of keys to values" };
            self.mistakes.push(Mistake::new(self.file, KeyPath::default(), says));
            return Read { spec: None, mistakes: self.mistakes, repeats: false };
        };
        let routes = self.routes(&mut top);
        let mut spec: T = self.mend(Value::Mapping(top), &KeyPath::default());
        if let Some(routes) = routes {
            spec.set_routes(routes);
        }
        let repeats = is_repetition(refused);
        if self.mistakes.is_empty() && !repeats {
            // The lenient reading found nothing to mend: what the strict one said must not be lost.
            self.mistakes.push(not_yaml(self.file, refused));
        }
        Read { spec: Some(spec), mistakes: self.mistakes, repeats }
    }

    /// Takes the routes out and mends each on its own: one bad route of thousands costs one route's reading, not all of it.
    fn routes(&mut self, top: &mut Mapping) -> Option<Vec<RouteSpec>> {
        let Some(Value::Sequence(routes)) = top.get_mut("routes").map(std::mem::take) else { return None };
        top.remove("routes");
        let mend = |(index, value)| {
            let above = KeyPath(vec![Step::Key("routes".to_owned()), Step::Index(index)]);
            self.mend(value, &above)
        };
        Some(routes.into_iter().enumerate().map(mend).collect())
    }

    /// Reads a value; what does not fit is told, dropped, and the rest read again.
    fn mend<T: DeserializeOwned + Default>(&mut self, mut value: Value, above: &KeyPath) -> T {
        let mut dropped = Dropped::default();
        while self.mistakes.len() < MOST_MISTAKES {
            let error = match serde_path_to_error::deserialize::<_, T>(&value) {
                Ok(read) => return read,
                Err(error) => error,
            };
            let steps = steps_of(error.path());
            let at = KeyPath([above.0.as_slice(), dropped.as_written(&steps).as_slice()].concat());
            self.tell(at, &error.inner().to_string());
            if !dropped.remove(&mut value, &steps) {
                break;
            }
        }
        T::default()
    }

    fn tell(&mut self, at: KeyPath, message: &str) {
        let mistake = match Sentence::of(message) {
            Sentence::Value(says) => Mistake::new(self.file, at, says),
            Sentence::UnknownKey { says, meant } => {
                let hinges_on = meant.map(|meant| Hinge { file: self.file, path: sibling(&at, meant) });
                Mistake { points: Points::Key, hinges_on, ..Mistake::new(self.file, at, says) }
            }
        };
        self.mistakes.push(mistake);
    }
}

fn sibling(at: &KeyPath, key: String) -> KeyPath {
    let above = at.0.split_last().map_or(&[][..], |(_, above)| above);
    KeyPath([above, &[Step::Key(key)]].concat())
}

/// Keys that are written twice are told with their places by the outline of the file.
fn is_repetition(error: &serde_yaml::Error) -> bool {
    let message = error.to_string();
    message.contains("duplicate field") || message.contains("twice") || message.contains("duplicate entry")
}

fn not_yaml(file: usize, error: &serde_yaml::Error) -> Mistake {
    let place = error.location().map(|at| Place { line: at.line(), column: at.column() });
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let says = match message {
        "" | "EOF while parsing a value" => "is empty: there is no config in it".to_owned(),
        message => format!("cannot be read as YAML: {message}"),
    };
    Mistake { place, ..Mistake::new(file, KeyPath::default(), says) }
}

fn steps_of(path: &serde_path_to_error::Path) -> Vec<Step> {
    path.iter()
        .map_while(|segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// Elements that were dropped from lists, so that later positions can still be told as they are written.
#[derive(Default)]
struct Dropped(Vec<(Vec<Step>, usize)>);

impl Dropped {
    fn as_written(&self, steps: &[Step]) -> Vec<Step> {
        let mut written: Vec<Step> = Vec::with_capacity(steps.len());
        for step in steps {
            let step = match step {
                Step::Index(index) => Step::Index(self.index_as_written(&written, *index)),
                Step::Key(key) => Step::Key(key.clone()),
            };
            written.push(step);
        }
        written
    }

    fn index_as_written(&self, list: &[Step], index: usize) -> usize {
        let mut gone: Vec<usize> = self.0.iter().filter(|(of, _)| of == list).map(|(_, index)| *index).collect();
        gone.sort_unstable();
        gone.into_iter().fold(index, |index, gone| if gone <= index { index + 1 } else { index })
    }

    /// Removes the node; `false`: there is none to remove.
    fn remove(&mut self, value: &mut Value, steps: &[Step]) -> bool {
        let Some((last, above)) = steps.split_last() else { return false };
        let Some(parent) = above.iter().try_fold(value, child) else { return false };
        match (parent, last) {
            (Value::Mapping(mapping), Step::Key(key)) => mapping.shift_remove(key.as_str()).is_some(),
            (Value::Sequence(list), Step::Index(index)) if *index < list.len() => {
                let written = self.as_written(steps);
                if let Some((Step::Index(index), above)) = written.split_last() {
                    self.0.push((above.to_vec(), *index));
                }
                list.remove(*index);
                true
            }
            _ => false,
        }
    }
}

fn child<'a>(value: &'a mut Value, step: &Step) -> Option<&'a mut Value> {
    match (value, step) {
        (Value::Mapping(mapping), Step::Key(key)) => mapping.get_mut(key.as_str()),
        (Value::Sequence(list), Step::Index(index)) => list.get_mut(*index),
        _ => None,
    }
}

/// Any YAML, of a key that is written twice the last.
struct Lenient(Value);

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LenientVisitor)
    }
}

struct LenientVisitor;

impl<'de> Visitor<'de> for LenientVisitor {
    type Value = Lenient;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Lenient, E> {
        Ok(Lenient(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Lenient, E> {
        Ok(Lenient(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Lenient, E> {
        Ok(Lenient(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Lenient, E> {
        Ok(Lenient(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Lenient, E> {
        Ok(Lenient((value as f64).into()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Lenient, E> {
        Ok(Lenient((value as f64).into()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Lenient, E> {
        Ok(Lenient(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Lenient, E> {
        Ok(Lenient(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Lenient, E> {
        Ok(Lenient(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Lenient, D::Error> {
        Lenient::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Lenient, A::Error> {
        let mut values = Vec::new();
        while let Some(Lenient(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Lenient(Value::Sequence(values)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lenient, A::Error> {
        let mut mapping = Mapping::new();
        while let Some(Lenient(key)) = map.next_key()? {
            let Lenient(value) = map.next_value()?;
            mapping.insert(Value::String(key_text(key)), value);
        }
        Ok(Lenient(Value::Mapping(mapping)))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Lenient, A::Error> {
        Err(de::Error::custom("a tag (`!word`) means nothing here"))
    }
}

fn key_text(key: Value) -> String {
    match key {
        Value::String(text) => text,
        other => serde_yaml::to_string(&other).map(|text| text.trim().to_owned()).unwrap_or_default(),
    }
}
