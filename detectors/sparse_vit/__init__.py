"""SparseViT: a hybrid backbone whose attention looks at sparse blocks of an image."""
