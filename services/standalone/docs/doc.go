// Package docs holds the documentation to what it says: its tests run every block of code in README.md and in the pages
// under docs, or check it against a schema.
package docs
