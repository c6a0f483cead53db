#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| posed_fuzz::command(data));
