//! Feeds bytes to `doozer_fuzz::snapshot`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doozer_fuzz::snapshot(bytes));
