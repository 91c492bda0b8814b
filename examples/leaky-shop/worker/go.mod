module shop/worker

go 1.21

require modernc.org/sqlite v1.29.0
