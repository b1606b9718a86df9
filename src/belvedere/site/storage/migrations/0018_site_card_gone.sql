-- Cards that the hub took out of force. None of them is taken again: a hub that was set back would bring it back as if it were good.
CREATE TABLE site_card_gone (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
