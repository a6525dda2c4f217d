"""The pages that a person looks at: no build step, nothing loaded from elsewhere, in Korean and English."""
