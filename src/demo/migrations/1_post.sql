CREATE TABLE post (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL,
    content TEXT
);
