import manager = require('encoder-manager')

const version: string = manager.version()

try {
  throw manager.fromDocument({ code: version, message: '' })
} catch (error) {
  if (error instanceof manager.ValidationFailedError) {
    const fields: string[] = error.violations.map((violation) => violation.field)
    console.log(fields)
  }
}
