package spoolstore

// A folderID tells a folder from others. The control file has it, and the title of each
// segment: a file that comes from another folder, of another topic or cluster maybe, is
// recognised by it. Zero: an older program has written the title.
type folderID [16]byte
