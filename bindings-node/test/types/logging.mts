import {
  LOG_LEVELS,
  onLog,
  type LogLevel,
  type LogListener,
  type LogOptions,
  type LogRecord,
  type LogSubscription,
} from 'encoder-manager'

const options: LogOptions = { level: 'debug' }
const listener: LogListener = ({ level, target, message, fields, time }) => {
  console.log(new Date(time), LOG_LEVELS.indexOf(level), target, message, fields['encoder'])
}
const stop: LogSubscription = onLog(listener, options)
stop()
using heard = onLog((record: LogRecord) => console.log(record))
const level: LogLevel | undefined = LOG_LEVELS[0]
onLog(() => {}, { level })
console.log(heard)

// @ts-expect-error: there is no such level.
onLog(listener, { level: 'warning' })
// @ts-expect-error: there is no such option.
onLog(listener, { target: 'encoder_aja' })
// @ts-expect-error: a line does not change.
onLog((record) => (record.message = ''))
// @ts-expect-error: its facts do not either.
onLog((record) => (record.fields['encoder'] = ''))
// @ts-expect-error: facts are texts.
onLog(({ fields }) => Math.sqrt(fields['count']))
// @ts-expect-error: levels do not change.
LOG_LEVELS.push('error')
