package event

import "slices"

// Code is a row of the table of error codes: why a run ended without success.
type Code struct {
	Name    string // as it stands in Error.Code
	Meaning string // a sentence
	Remedy  string // what to do, a sentence
}

// CodeOther stands in figures for a code that the table does not have.
const CodeOther = "other"

// Codes lists every code that a run's error can have, sorted. docs/errors.md and the enum in the API document are made
// of it.
func Codes() []Code {
	return []Code{
		{"allowed_domains_unenforceable", "allowed_domains cannot be enforced on the remote browser at ERRAND_CDP_URL.", "Set ERRAND_PROXY_LISTEN to an address that it can reach, or leave allowed_domains out."},
		{"attempts_exhausted", "The run lost its executor or its browser three times in a row.", "See the executor's log, then start the run again."},
		{"budget_exceeded", "The next model call would have gone beyond the run's budget.", "Raise the budget, or make the task smaller."},
		{"captcha", "A page asks for a captcha.", "Do that part by hand, or use a site or an account that does not ask."},
		{"files_unavailable", "The files given to the run cannot be used by this executor.", "The message says what is missing; leave files out, or use an executor with a Chromium of its own."},
		{"goal_not_reached", "The agent reports that it could not do the task.", "Read the message and the history; a clearer prompt or another model may do better."},
		{"internal_error", "A fault in Errand ended the run.", "Report it with the executor's log; the run is not started again by itself."},
		{"interrupted", "The run lost its executor, and could not go on without repeating a request that an earlier attempt has sent or may have sent.", "The message says what may have happened: look there, then start the run again if it is safe; with on_interrupt retry it is sent again without looking."},
		{"invalid_allowed_domains", "allowed_domains cannot be read by the executor.", "Correct the entry that the message names."},
		{"invalid_output", "The model's answers did not have the required form.", "Try another model, or name one in fallbacks."},
		{"invalid_parameters", "A value is not valid for its parameter of the cached workflow.", "Correct the parameter that the message names."},
		{"invalid_request", "The provider rejected the request as invalid.", "The message quotes the provider; check the model's name and limits."},
		{"invalid_result", "The result did not satisfy json_schema, even after the model was asked to correct it.", "The message lists the violations; loosen the schema, or ask for less."},
		{"invalid_workflow", "The cached workflow cannot be executed as it is written.", "Correct it, restore another version, or record the task again."},
		{"login_required", "A page asks for a login that the run has no secrets for.", "Give the run secrets for the login."},
		{"max_steps", "The task was not done within max_steps.", "Raise max_steps, or make the task smaller."},
		{"model_not_found", "The provider has no model with that name.", "Correct the model's name, or leave it out to use the provider's default."},
		{"model_timeout", "The model gave no answer in time.", "Allow more time with model_timeout, or name another model in fallbacks."},
		{"no_browser", "The executor could not start Chromium.", "Do what the message says, then start the run again."},
		{"page_too_heavy", "Pages of the run used more memory than ERRAND_PAGE_MEMORY three times.", "Raise ERRAND_PAGE_MEMORY, or keep the run away from that page."},
		{"parameters_unbound", "The prompt does not contain all values that the cached workflow needs. Nothing was done.", "Pass the missing values in parameters."},
		{"provider_auth", "The provider rejected the key, or the account has no credit.", "Correct the executor's key, or add credit to the account."},
		{"provider_not_configured", "The executor has no key for the provider.", "Set the variable that the message names, and restart the executor."},
		{"provider_unavailable", "The provider could not be reached or answered with errors, even after retries.", "Start the run again later, or name another provider in fallbacks."},
		{"queue_timeout", "The run had not begun queue_timeout seconds after it was accepted.", "Allow more time, start more executors, or raise the limit that the run waited for."},
		{"rate_limited", "The provider's rate limits were exceeded, even after waiting.", "Start the run again later, raise the limits, or run fewer at once."},
		{"secrets_unavailable", "A secret of the run cannot be decrypted.", "Set the same ERRAND_MASTER_KEY for gateway and executors, or set the secret again."},
		{"session_timeout", "The run had not ended session_timeout seconds after it started.", "Raise session_timeout, or make the task smaller."},
		{"stuck", "The agent repeated the same actions on a page that did not change.", "See the history; a clearer prompt or another model may do better."},
		{"too_many_failures", "All actions of several steps in a row failed.", "See the history; a clearer prompt or another model may do better."},
		{"workflow_failed", "The cached workflow no longer fits the site, and no model could heal it.", "Run the task with use_cached_workflow false, and record that run."},
		{"workflow_unavailable", "The cached workflow cannot be read.", "Restore another version, or record the task again."},
	}
}

// KnownCode is the code if the table has it, else CodeOther: what may stand in the label of a figure.
func KnownCode(code string) string {
	if slices.ContainsFunc(Codes(), func(c Code) bool { return c.Name == code }) {
		return code
	}
	return CodeOther
}
