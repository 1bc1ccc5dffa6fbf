// One generation of the real JavaScript SDK against a running site: node story.mjs MODULE ENDPOINT API_KEY.
// Prints the name of each step that went as told; ends with the first that did not, and a stack trace.
import assert from 'node:assert/strict'

const [name, endpoint, apiKey] = process.argv.slice(2)
const sdk = await import(`${name}/connect`)
const seam = new sdk.SeamHttp({ apiKey, endpoint })
const START = '2020-01-01T00:00:00.000Z'
const END = '2090-01-01T00:00:00.000Z'
const PATIENCE_MS = 20_000
const waitForActionAttempt = { pollingInterval: 100, timeout: PATIENCE_MS }

async function until(condition, what) {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const found = await condition()
    if (found) return found
    assert(Date.now() < deadline, `in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const codeWith = (access_code_id, wanted) =>
  until(async () => {
    const code = await seam.accessCodes.get({ access_code_id })
    return wanted(code) && code
  }, `a code with ${wanted}`)
const isSet = (code) => code.status === 'set' && code.pending_mutations.length === 0

// Somebody types it, with the programming code of that door; not all generations have a method for that.
const madeAtTheDoor = async (device_id, code) =>
  (await seam.client.post('/access_codes/simulate/create_unmanaged_access_code', { device_id, name: 'Owner', code }))
    .data.access_code

async function failure(doing) {
  try {
    await doing()
  } catch (error) {
    return error
  }
  return assert.fail('it was taken')
}

// What steps leave for later ones.
let devices, code

const steps = {
  async 'devices and locks'() {
    await until(async () => {
      devices = await seam.devices.list()
      return devices.length >= 2 && devices.every((device) => device.properties.online)
    }, 'the doors')
    const { device_id, display_name } = devices[0]
    assert.equal((await seam.devices.get({ device_id })).device_id, device_id)
    assert.equal((await seam.devices.get({ name: display_name })).device_id, device_id)
    assert.equal((await seam.locks.get({ device_id })).device_id, device_id)
    assert.deepEqual((await seam.locks.list()).map((lock) => lock.device_id), devices.map((one) => one.device_id))
    const device_ids = devices.map((device) => device.device_id)
    assert.equal((await seam.devices.list({ device_ids })).length, device_ids.length)
    await seam.devices.update({ device_id, custom_metadata: { sdk: name, is_tested: true } })
    const noted = await seam.devices.list({ custom_metadata_has: { sdk: name, is_tested: true } })
    assert.deepEqual(noted.map((one) => one.device_id), [device_id])
  },

  async create() {
    const { device_id } = devices[0]
    const { code: digits } = await seam.accessCodes.generateCode({ device_id })
    code = await seam.accessCodes.create({ device_id, name, code: digits })
    assert.equal(code.code, digits)
    assert.equal(code.type, 'ongoing')
    code = await codeWith(code.access_code_id, isSet)
  },

  async get() {
    const { access_code_id, device_id, code: digits } = code
    assert.deepEqual(await seam.accessCodes.get({ device_id, code: digits }), code)
    assert.deepEqual(await seam.accessCodes.get({ access_code_id }), code)
  },

  async 'an entry at the keypad'() {
    const since = code.created_at
    const { device_id, access_code_id } = code
    await seam.client.post('/locks/simulate/keypad_code_entry', { device_id, code: code.code })
    const [event] = await until(async () => {
      const events = await seam.events.list({ since, device_id, event_type: 'lock.unlocked', access_code_id })
      return events.length > 0 && events
    }, 'the opening')
    assert.equal(event.method, 'keycode')
    assert.deepEqual(await seam.events.get({ event_id: event.event_id }), event)
    const both = { since, access_code_ids: [access_code_id], event_types: ['access_code.created', 'lock.unlocked'] }
    assert.deepEqual((await seam.events.list(both)).map((one) => one.event_type), both.event_types)
  },

  async 'an offline code'() {
    const { device_id } = devices[0]
    const wanted = { device_id, name, is_offline_access_code: true, is_one_time_use: true }
    const offline = await seam.accessCodes.create(wanted)
    assert.match(offline.code, /^[0-9]{10}$/)
    assert.equal(offline.status, 'set')
    assert.equal(offline.is_offline_access_code, true)
    const { access_code_id } = offline
    const error = await failure(() => seam.accessCodes.delete({ access_code_id }))
    assert.equal(error.code, 'offline_access_code_cannot_be_deleted')
  },

  async update() {
    const { access_code_id } = code
    await seam.accessCodes.update({ access_code_id, name: `${name} & co`, starts_at: START, ends_at: END })
    code = await codeWith(access_code_id, isSet)
    assert.deepEqual([code.name, code.type, code.starts_at, code.ends_at], [`${name} & co`, 'time_bound', START, END])
    await seam.accessCodes.update({ access_code_id, type: 'ongoing' })
    assert.equal((await codeWith(access_code_id, isSet)).type, 'ongoing')
  },

  async 'create and update many'() {
    const device_ids = devices.map((device) => device.device_id)
    const codes = await seam.accessCodes.createMultiple({ device_ids, name: 'both' })
    const { common_code_key } = codes[0]
    assert.equal(new Set(codes.map((one) => one.code)).size, 1)
    await seam.accessCodes.updateMultiple({ common_code_key, name: 'moved', starts_at: START, ends_at: END })
    const access_code_ids = codes.map((one) => one.access_code_id)
    const moved = await seam.accessCodes.list({ access_code_ids })
    assert.deepEqual(moved.map((one) => [one.name, one.ends_at]), codes.map(() => ['moved', END]))
    for (const access_code_id of access_code_ids) await seam.accessCodes.delete({ access_code_id })
  },

  async list() {
    const { device_id } = devices[0]
    const extra = await seam.accessCodes.create({ device_id, name: 'extra' })
    const all = await seam.accessCodes.list({ device_id })
    assert(all.some((one) => one.access_code_id === code.access_code_id))
    assert.deepEqual(
      (await seam.accessCodes.list({ device_id, search: '& CO' })).map((one) => one.access_code_id),
      [code.access_code_id],
    )
    assert.equal((await seam.accessCodes.list({ device_id, limit: 1 })).length, 1)
    if (seam.createPaginator !== undefined) {
      const pages = seam.createPaginator(seam.accessCodes.list({ device_id, limit: 1 }))
      const [first, { hasNextPage, nextPageCursor }] = await pages.firstPage()
      assert.deepEqual([first.length, hasNextPage], [1, true])
      const [second] = await pages.nextPage(nextPageCursor)
      assert.notEqual(second[0].access_code_id, first[0].access_code_id)
      const found = await seam.createPaginator(seam.accessCodes.list({ device_id, limit: 1 })).flattenToArray()
      assert(found.length >= 2)
    }
    await seam.accessCodes.delete({ access_code_id: extra.access_code_id })
  },

  async backup() {
    const { device_id } = devices[0]
    const asked = { device_id, starts_at: START, ends_at: END, use_backup_access_code_pool: true }
    const { access_code_id } = await seam.accessCodes.create(asked)
    await codeWith(access_code_id, (one) => one.is_backup_access_code_available)
    const backup = await seam.accessCodes.pullBackupAccessCode({ access_code_id })
    assert.deepEqual([backup.is_backup, backup.status], [true, 'set'])
    assert.notEqual(backup.access_code_id, access_code_id)
    for (const one of [access_code_id, backup.access_code_id]) await seam.accessCodes.delete({ access_code_id: one })
  },

  async constraints() {
    const { device_id, properties } = devices[1]
    const { accessCodes } = seam
    const lengths = properties.supported_code_lengths
    // The oldest generation has no method for it.
    const report = accessCodes.reportDeviceConstraints?.bind(accessCodes) ??
      ((body) => seam.client.post('/access_codes/report_device_constraints', body))
    for (const length of lengths) {
      await report({ device_id, supported_code_lengths: [length] })
      assert.equal((await accessCodes.generateCode({ device_id })).code.length, length)
    }
    await report({ device_id, min_code_length: lengths[0], max_code_length: lengths.at(-1) })
  },

  async unmanaged() {
    const { device_id } = devices[0]
    const { unmanaged } = seam.accessCodes
    assert.deepEqual(await unmanaged.list({ device_id }), [])
    const [{ access_code_id }, other] = [await madeAtTheDoor(device_id, '604817'), await madeAtTheDoor(device_id, '604928')]
    assert.equal((await unmanaged.list({ device_id })).length, 2)
    const found = await unmanaged.get({ access_code_id })
    assert.deepEqual([found.code, found.is_managed, found.status], ['604817', false, 'set'])
    await unmanaged.convertToManaged({ access_code_id, is_external_modification_allowed: true })
    assert((await codeWith(access_code_id, isSet)).is_external_modification_allowed)
    await unmanaged.delete({ access_code_id: other.access_code_id })
    await until(async () => (await unmanaged.list({ device_id })).length === 0, 'the lock to forget a code')
    await seam.accessCodes.delete({ access_code_id })
    await until(async () => (await seam.accessCodes.list({ access_code_ids: [access_code_id] })).length === 0, 'the end')
  },

  async 'unlock and lock'() {
    const { device_id } = devices[1]
    const opened = await seam.locks.unlockDoor({ device_id }, { waitForActionAttempt })
    assert.deepEqual([opened.status, opened.action_type], ['success', 'UNLOCK_DOOR'])
    const { action_attempt_id } = opened
    assert.deepEqual(await seam.actionAttempts.get({ action_attempt_id }), opened)
    const locked = await seam.locks.lockDoor({ device_id }, { waitForActionAttempt })
    assert.equal(locked.status, 'success')
  },

  async webhooks() {
    const url = 'http://127.0.0.1:9/hook'
    const { webhook_id, secret } = await seam.webhooks.create({ url, event_types: ['none.a', 'none.b'] })
    assert.deepEqual((await seam.webhooks.get({ webhook_id })).event_types, ['none.a', 'none.b'])
    await seam.webhooks.update({ webhook_id, event_types: ['none.c'] })
    const listed = (await seam.webhooks.list()).filter((one) => one.webhook_id === webhook_id)
    assert.deepEqual(listed.map((one) => [one.secret, one.event_types]), [[secret, ['none.c']]])
    await seam.webhooks.delete({ webhook_id })
  },

  async errors() {
    const { device_id } = devices[0]
    const wrong = await failure(() => seam.accessCodes.create({ device_id, code: '12' }))
    assert(sdk.isSeamHttpInvalidInputError(wrong), wrong)
    assert.deepEqual(wrong.getValidationErrorMessages('code'), ['Must be 4 to 12 digits'])
    assert.match(wrong.requestId, /^[0-9a-f-]{36}$/)
    const taken = await failure(() => seam.accessCodes.create({ device_id, code: code.code }))
    assert(sdk.isSeamHttpApiError(taken), taken)
    assert.deepEqual([taken.code, taken.statusCode], ['duplicate_access_code', 409])
    const nobody = '00000000-0000-4000-8000-000000000000'
    const unknown = await failure(() => seam.devices.get({ device_id: nobody }))
    assert.deepEqual([unknown.code, unknown.statusCode], ['device_not_found', 404])
    const stranger = new sdk.SeamHttp({ apiKey: 'seam_somebody_elses', endpoint })
    assert(sdk.isSeamHttpUnauthorizedError(await failure(() => stranger.devices.list())))
  },

  async delete() {
    const { access_code_id } = code
    await seam.accessCodes.delete({ access_code_id })
    const gone = await until(
      () => seam.accessCodes.get({ access_code_id }).then(() => null, (error) => error),
      'the deletion',
    )
    assert.deepEqual([gone.code, gone.statusCode], ['access_code_not_found', 404])
  },
}

for (const [step, run] of Object.entries(steps)) {
  await run()
  console.log(step)
}
