package browser_test

const executorRole = "ERRAND_TEST_EXECUTOR"

func beExecutor() {}
