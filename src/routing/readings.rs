//! Every reading that a backend may make of a path.
