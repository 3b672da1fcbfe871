# For those who type make. The work is in ./dev.
.PHONY: demo up test check golden setup
demo up test check golden setup:
	./dev $@
