#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| mermin_trials::config::run(octets));
