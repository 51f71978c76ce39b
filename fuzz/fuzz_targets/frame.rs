//! Feeds bytes to `doozer_fuzz::frame`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doozer_fuzz::frame(bytes));
