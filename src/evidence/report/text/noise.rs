//! What was told from bugs by asking again.

use std::fmt::Write;

use super::words::place;
use crate::evidence::noise::Call;
use crate::evidence::report::{NoiseField, NoiseReport};

/// Places of noise told.
const MAX_NOISE: usize = 10;

/// Places of noise, and why they are.
pub fn noise(out: &mut String, noise: &NoiseReport) {
    let fields: Vec<&NoiseField> = noise.fields.iter().filter(|field| !field.call.counts()).collect();
    if noise.pairs == 0 || fields.is_empty() {
        return;
    }
    line!(out, "\n  Noise, told by asking both again ({} pairs differ in nothing else):", noise.pairs);
    for field in fields.iter().take(MAX_NOISE) {
        let (path, why) = (place(&field.path), called(field));
        line!(out, "     {path}  {} ×, {} asked again: {why}", field.mismatches, field.settled);
    }
    if fields.len() > MAX_NOISE {
        line!(out, "     … and {} more places: --format json tells them.", fields.len() - MAX_NOISE);
    }
}

fn called(field: &NoiseField) -> &'static str {
    let new_varies = field.swapped + field.odd_new + field.new_varies + field.ties + field.new_self > 0;
    match field.call {
        Call::Real => "a difference",
        Call::Race => "gone then",
        Call::Noise if new_varies => "legacy differs from itself as well",
        Call::Noise => "legacy differs from itself, new does not",
        Call::NoiseOfNew => "new says something else each time, legacy does not",
    }
}
