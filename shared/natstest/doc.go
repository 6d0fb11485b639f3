package natstest
