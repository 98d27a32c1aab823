-- Ranges of one text compare as equal texts do, without the extension that would let GiST compare texts.
CREATE TYPE textrange AS RANGE (SUBTYPE = text, COLLATION = "C");
