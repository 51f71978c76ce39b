//! Feeds bytes to `doozer_fuzz::message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| doozer_fuzz::message(bytes));
