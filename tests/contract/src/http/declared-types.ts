import type { Seen } from './document-checker.js';

type Declared = 'int32' | 'int64' | 'number' | 'date' | 'duration';

/** Two clients read these as unsigned. */
const isWhole = (value: unknown, max: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;

const ACCEPTS: Readonly<Record<Declared, (value: unknown) => boolean>> = {
  int32: (value) => isWhole(value, 2 ** 31 - 1),
  int64: (value) => isWhole(value, Number.MAX_SAFE_INTEGER),
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  date: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/.test(value),
  duration: (value) => typeof value === 'string' && /^(\d+\.)?\d\d:\d\d:\d\d$/.test(value),
};

const named = (type: Declared, names: string): readonly (readonly [string, Declared])[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => [name, type] as const);

/**
 * What the vendor's public description calls each field (contract, sections 0 and 7.1), and where the C# client is stricter, what it reads
 * (3.0). Names mean the same in every object of the description. Written from the contract, not from our own schemas.
 */
const DECLARED: ReadonlyMap<string, Declared> = new Map([
  ...named(
    'int32',
    `instanceCount totalInstanceCount runningInstanceCount runningCoreCount maxRetriesPerInstance resultsCount
     resultsCacheTTLSec snapshotInterval maxTimeQueueSeconds defaultResourcesCacheTTLSec cacheTTLSec clusterCoresCount
     instanceId coreCount core runningCorecount executionAttemptCount peakMemoryMB maxMemoryMB currentMemoryMB
     maxTotalRetries maxPerInstanceRetries count total offset limit statusCode status code maximumResults
     applicationPort forwarderPort maxInstances maxCores runningInstancesCount runningCoresCount maxFlexInstances
     maxFlexCores maxOnDemandInstances maxOnDemandCores maxBucket bucketCount maxTask taskCount maxJob jobCount maxPool
     poolCount runningFlexInstanceCount runningFlexCoreCount runningOnDemandInstanceCount
     runningOnDemandCoreCount runningReservedInstanceCount runningReservedCoreCount maxReservedInstances
     maxReservedCores maxRunningTask runningTaskCount maxRunningPool runningPoolCount slotsPerNode
     targetRunningInstanceCount queuedOrRunningTaskInstancesCount totalSlotCapacity minTotalSlots maxTotalSlots
     minIdleSlots resizePeriod minIdleTimeSeconds slotsCount`,
  ),
  ...named(
    'int64',
    `quotaBytes quotaBytesBucket usedQuotaBytes usedQuotaBytesBucket downloadTimeSec environmentTimeSec
     consumedAmountInCents totalAmountInCents remainingAmountInCents
     executionTimeSec uploadTimeSec wallTimeSec time sizeToUpload transferredSize`,
  ),
  // Ours, in the object `fornax` of /info.
  ...named('int64', 'objectCount maxObjects unfinishedTaskCount'),
  // Ours, in the object `fornax` of a profile.
  ...named('int32', 'profileVersion'),
  ...named('int64', 'smallest largest'),
  ...named(
    'number',
    `progress downloadProgress executionProgress uploadProgress wallTimeSec execTimeSec execTimeSecGHz clockRatio
     averageGHz timeGhz maxFrequencyGHz currentFrequencyGHz cpuUsage memoryUsage networkInKbps networkOutKbps
     executionTimeGHz averageFrequencyGHz minFrequencyGHz averageMaxFrequencyGHz averageCpuUsage clusterPowerIndicator
     averageMemoryUsage averageNetworkInKbps averageNetworkOutKbps totalNetworkInKbps totalNetworkOutKbps credits
     minimumMemoryMB maximumMemoryMB minimumMemoryGBCoreRatio maximumMemoryGBCoreRatio
     poolUsage rampResizeFactor scalingFactor
     total_consumed_energy_Wh total_energy_it_Wh total_reused_energy_Wh qarnot_carbon_footprint
     equivalent_DC_carbon_footprint saved_carbon_footprint_compute saved_carbon_footprint_heat
     saved_carbon_footprint_compute_heat saved_carbon_footprint_percent PUE ERE ERF WUE totalConsumedEnergyWh
     totalEnergyITWh totalReusedEnergyWh carbonFootprintC02Eq equivalentDCCarbonFootprint
     savedCarbonFootprintCompute savedCarbonFootprintHeat savedCarbonFootprintComputeHeat
     savedCarbonFootprintPercent pue ere erf wue`,
  ),
  ...named(
    'date',
    `creationDate endDate lastModified stateTransitionTime previousStateTransitionTime timestamp lastUpdateTimestamp
     triggerDate lastUpdateDate startDateUtc expirationDateUtc`,
  ),
  ...named(
    'duration',
    'executionTime wallTime downloadTime environmentTime uploadTime completionTimeToLive maxWallTime',
  ),
]);

/** The same name is a whole number in the status of a task and a fraction in what one instance or a completed one took. */
const isFraction = (path: string): boolean =>
  /\.(completedInstances|perRunningInstanceInfo)\[\d+\]\.(wallTimeSec|executionTimeSec)$/.test(path);

/** Never null, and never missing where their object is (contract, section 3.0); other fields may be. */
const NEVER_NULL = new Set(
  `creationDate endDate lastModified stateTransitionTime previousStateTransitionTime timestamp errors constants
   completedInstances hardwareConstraints forcedNetworkRules resultsCount snapshotInterval instanceCount
   maxRetriesPerInstance privileges retrySettings secretsAccessRights bySecret byPrefix executionTimeByCpuModel
   executionTimeGhzByCpuModel perRunningInstanceInfo activeForwards vpnConnections completionTimeToLive
   autoDeleteOnCompletion isTruncated projects isDefault user`.split(/\s+/),
);

/** Objects whose keys are data: users' own, or names of fields. */
const USER_DATA = new Set(['labels', 'errors']);

/** `errors` of a task is a list, `errors` of a validation problem has a key for each field. */
const holdsData = (key: string, value: unknown): boolean => USER_DATA.has(key) && !Array.isArray(value);

const complaintIn = (value: unknown, path: string): string | undefined => {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const complaint = complaintIn(item, `${path}[${index}]`);
      if (complaint !== undefined) return complaint;
    }
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const at = `${path}.${key}`;
    const complaint = fieldComplaint(key, item, at) ?? (holdsData(key, item) ? undefined : complaintIn(item, at));
    if (complaint !== undefined) return complaint;
  }
  return undefined;
};

const fieldComplaint = (key: string, value: unknown, at: string): string | undefined => {
  if (value === null) return NEVER_NULL.has(key) ? `${at} is null, which a client cannot read` : undefined;
  const declared = isFraction(at) ? 'number' : DECLARED.get(key);
  if (typeof value === 'number' && declared === undefined)
    return `${at} is a number, and nothing declares of what type`;
  // `status` of a task is an object, `code` of an error is a text: other things of the same name.
  const isOther = (key === 'status' || key === 'code') && typeof value !== 'number';
  if (declared === undefined || isOther || ACCEPTS[declared](value)) return undefined;
  return `${at} is ${JSON.stringify(value)}, declared is ${declared}`;
};

/** Our own routes have their own description; the rest is the contract's. */
const isOurs = (path: string): boolean => /^\/+(v1\/+)?(fornax|openapi\.json|docs|health|metrics)\b/i.test(path);

/** Walks every number, date, duration and null of an answer. @returns the first that is not of its declared type */
export const typeComplaint = ({ method, path, status, contentType, text }: Seen): string | undefined => {
  if (isOurs(path) || text === '' || !/json/.test(contentType ?? '')) return undefined;
  const complaint = complaintIn(JSON.parse(text), '$');
  return complaint === undefined ? undefined : `${method} ${path} -> ${status}: ${complaint}`;
};
