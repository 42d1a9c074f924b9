-- Promotions whose items are carried by repositories elsewhere, on their way.

-- +goose Up
-- stage is how far one is for which something is done outside: '' it is brought; 'failing' what was brought is taken away again; 'arrived' all
-- of it is there, and a move takes away what it leaves behind.
ALTER TABLE promotions ADD COLUMN stage BTEXT NOT NULL DEFAULT '' CHECK (stage = '' OR stage = 'failing' OR stage = 'arrived');
-- step is how far an item is that is wanted: 0 nobody has looked at its place; 1 before says what was there, and from now on something may
-- have been written; 2 an image is there, and its tag is left to be written.
ALTER TABLE promoted ADD COLUMN step BIGINT NOT NULL DEFAULT 0;
CREATE INDEX occupied_by ON occupied (promotion);
