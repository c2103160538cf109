#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| mermin_fuzz_cases::payload::run(octets));
