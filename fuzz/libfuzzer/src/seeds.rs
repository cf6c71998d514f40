//! Writes where a target begins: `seeds FOLDER` makes `FOLDER/words` for libFuzzer's `-dict`, and a folder with inputs for each target.

use std::fs;
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).expect("a folder"));
    fs::create_dir_all(&folder)?;
    let escaped = |word: &String| -> String {
        word.bytes()
            .map(|byte| match byte {
                b'"' | b'\\' => format!("\\{}", char::from(byte)),
                b' '..=b'~' => char::from(byte).to_string(),
                byte => format!("\\x{byte:02X}"),
            })
            .collect()
    };
    let words: String = fuzz::words().iter().map(|word| format!("\"{}\"\n", escaped(word))).collect();
    fs::write(folder.join("words"), words)?;
    for target in fuzz::TARGETS {
        let inputs = folder.join(target.name);
        fs::create_dir_all(&inputs)?;
        for (number, sample) in fuzz::samples().iter().enumerate() {
            fs::write(inputs.join(format!("sample-{number:03}")), (target.seed)(sample))?;
        }
    }
    Ok(())
}
