-- The number and the text of a refused line of a file; 0 and empty for messages that came by HTTP.
ALTER TABLE rejections ADD COLUMN IF NOT EXISTS line UInt32, ADD COLUMN IF NOT EXISTS text String;
