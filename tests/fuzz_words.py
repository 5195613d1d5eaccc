"""What the fuzzer puts into files: numbers out of range, characters that few expect, and words of each format."""

from __future__ import annotations

NUMBERS = (b"0", b"-1", b"1", b"2", b"255", b"65536", b"1048577", b"2147483648", b"-2147483649", b"9" * 30, b"9" * 5000,
           b"1e308", b"1e999", b"-0.0", b"NaN", b"0.0000001", b"99999999", b"16385", b"\xd9\xa3\xd9\xa4")  # fmt: skip
STRANGE = (
    b"\0", b"\0" * 40, b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xff\xfe", b"\xef\xbb\xbf", "\u202e".encode(), "\u2028".encode(),
    "\ufdd0".encode(), "\U000e0001".encode(), "\u200b\u200d\ufeff".encode(), b"\x0b\x0c\x1c\x1d\x1e\x85", b"\r", b"\r\n\r\n",
    "e\u0301\u0323".encode() * 30, "\u3000".encode() * 60, b"\x1b$B!!\x1b(B", b"\x80\x81\xfe\xff", "〇一二三".encode() * 20,
    b"&#xD800;", b"&#0;", b"&#x110000;", b"&#" + b"9" * 40 + b";", b"]]>", b"<![CDATA[", b"<!--", b"-->", b"<!DOCTYPE x>",
    b"<?xml version='1.0' encoding='utf-16'?>", b"<?xml version='1.0' encoding='rot13'?>", b"\\ud800", b"\\u0000",
    "\u0130\u0131\ufb01\u1e9e".encode(), "２０２４年１３月４５日".encode(), "9999年99月99日".encode(), b"2024-02-31T99:99:99",
    b"../../etc/passwd", b"file:///etc/passwd", b"http://127.0.0.1:9/x", b"%00%ff%2e%2e", b"=cmd|'/c calc'!A0",
)  # fmt: skip
BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "' + b"ha" * 50 + b'">'
    + b"".join(b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 10) for c in range(ord("b"), ord("j")))
    + b"]>"
)  # fmt: skip
WORDS: dict[str, tuple[bytes, ...]] = {
    "txt": (b"\n\n", "第一章 ".encode(), "来源：".encode(), b"By A B\n", b"1. ", b"- ", b"From: a\nTo: b\n", b"\t|\t", b"  "),
    "md": (b"---\n", b"```\n", b"# ", b"> ", b"| a | b |\n|---|---|\n", b"- ", b"![](", b"[x]: y\n", b"<!--", b"***", b"+++\n", b"===\n"),
    "html": (b"<table>", b"<tr>", b'<td colspan="1000000000">', b'<td rowspan="99999">', b"</table>", b"<pre>", b"<br>", b"<ruby><rt>",
             b"<svg>", b"<frameset>", b"<body>", b"<html>", b"</body>", b"<template>", b"<math>", b"<h1>", b"<ul><li>", b"<a href=x>",
             b'<meta charset="utf-7">', b'<meta charset="idna">', b"<plaintext>", b"<base href=http://127.0.0.1/>", b"<th>", b"<li>",
             b'<script type="application/ld+json">{"author":[[{"name":1}]],"datePublished":5}</script>', b"<form>", b"<p hidden>"),
    "eml": (b"Content-Type: ", b'multipart/mixed; boundary="b1"', b"\r\n--b1\r\n", b"\r\n--m1\r\n", b"charset=", b"base64", b"utf-16",
            b"Content-Transfer-Encoding: x-uuencode\r\n", b"=?utf-8?B?", b"?=", b"filename*0*=UTF-8''%E5", b"message/rfc822", b"idna",
            b"punycode", b"hz", b"rot13", b"unicode_escape", b"text/html", b"format=flowed; delsp=yes", b"\r\n\r\n", b"begin 644 x\r\n"),
    "json": (b"[", b"]", b"{", b"}", b'"', b":", b",", b"\\", b"null", b'{"text":"', b'"title":', b"NaN", b"1E400", b"\n", b'\\u0000',
             b'"a":{"a":', b"[[[[", b'"\xe6\xad\xa3\xe6\x96\x87":'),
    "csv": (b",", b'"', b'""', b"\n", b"\r", b";", b"\t", b"|", b"sep=\\\n", b"sep=\n", b"sep= \n", b",,,,,,,,", b'"\n'),
    "pdf": (b" Tj ", b" TJ ", b" Tm ", b" Td ", b" Tf ", b" q ", b" Q ", b" BT ", b" ET ", b" cm ", b" Do ", b" Tr ", b" Tz ", b" TL ",
            b" T* ", b" re f ", b" m ", b" l S ", b" 1e9 0 0 1e9 0 0 cm ", b" 0 0 0 0 0 0 Tm ", b" BI ID EI ", b" /Im0 Do ", b" W n ",
            b"(\\377\\376)", b"<FEFF0041>", b"<D800>", b" 90 Tz ", b" -1 0 0 -1 500 800 Tm ", b" 0 1 -1 0 300 300 Tm "),
    "ooxml": (b'<w:gridSpan w:val="1000000"/>', b'<w:vMerge/>', b'<w:numPr><w:ilvl w:val="99"/><w:numId w:val="-1"/></w:numPr>',
              b"<mc:AlternateContent>", b"<w:tbl><w:tr><w:tc>", b"</w:p>", b"<w:p>", b"<w:sdt><w:sdtContent>", b'<mergeCell ref="A1:XFD1048576"/>',
              b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>', b'<c t="s"><v>99999</v></c>', b'<c t="d"><v>x</v></c>', b"<a:t>", b"</a:t>",
              b'<c t="e"><v>#N/A</v></c>', b'<c s="9999"><v>1e300</v></c>', b"<f>A1</f>", b'TargetMode="External"', b'Target="../../../x"',
              b"<w:fldChar/>", b"<w:instrText>", b"<w:br/>", b"<w:tab/>", b'<itemref idref="x"/>', b'<dc:title/>', b"<numFmt formatCode='[h]:mm;@'/>"),
}  # fmt: skip
WORDS |= {"mhtml": WORDS["eml"] + WORDS["html"], "epub": WORDS["html"] + WORDS["ooxml"], "jsonl": WORDS["json"],
          "tsv": WORDS["csv"], "docx": WORDS["ooxml"], "pptx": WORDS["ooxml"], "xlsx": WORDS["ooxml"]}  # fmt: skip
