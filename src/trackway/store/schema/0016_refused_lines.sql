-- The number and the text of the line of a file that was refused; 0 and empty of messages that came by HTTP.
ALTER TABLE rejections ADD COLUMN IF NOT EXISTS line UInt32, ADD COLUMN IF NOT EXISTS text String;
