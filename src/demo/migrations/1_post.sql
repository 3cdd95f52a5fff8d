CREATE TABLE post (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL,
    content TEXT CHECK (json_valid(content))
);

CREATE TABLE comment (
    post INTEGER NOT NULL REFERENCES post,
    text TEXT NOT NULL
);
