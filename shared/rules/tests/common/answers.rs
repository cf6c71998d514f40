//! What a call gave, as the functions put it, for the steps that tests make up.

/// In English and in Japanese. `languages.rs` compares them with the functions' own.
pub(crate) const ANSWERS: [(&str, &str); 6] = [
    ("ok", "成功"),
    ("there", "存在"),
    ("no such role", "ロールなし"),
    ("it is in none", "組織に属していない"),
    ("this account is not told", "このアカウントでは確認不可"),
    ("no use so far", "今のところ使用なし"),
];
