CREATE TABLE post (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL,
    content TEXT CHECK (json_valid(content))
);
