package storetest

import "errors"

var errNowhere = errors.New("the tests start no PostgreSQL on Windows")

func initdb() (string, error)              { return "", errNowhere }
func startPostgres(string) (string, error) { return "", errNowhere }
