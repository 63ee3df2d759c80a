import manager = require('encoder-manager')

const stop: manager.LogSubscription = manager.onLog(({ level }: manager.LogRecord) => {
  const known: manager.LogLevel = level
  console.log(known)
})
stop[Symbol.dispose]()
