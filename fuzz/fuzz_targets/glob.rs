//! Feeds bytes to `doozer_fuzz::glob`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doozer_fuzz::glob(bytes));
