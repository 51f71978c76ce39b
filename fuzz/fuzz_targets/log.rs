//! Feeds bytes to `doozer_fuzz::log`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doozer_fuzz::log(bytes));
