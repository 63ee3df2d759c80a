'use strict'

const fs = require('node:fs')
const path = require('node:path')

// The name of the built file carries the platform when the napi command line made it.
function findNative(folder) {
  const names = fs.readdirSync(folder).filter((name) => /^encoder-manager(\..+)?\.node$/.test(name))
  if (names.length === 0) throw new Error('encoder-manager: not built yet; run "npm run build"')
  return path.join(folder, names[0])
}

const native = require(findNative(path.join(__dirname, '..')))

exports.version = native.version
