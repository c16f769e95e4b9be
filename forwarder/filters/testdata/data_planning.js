// Asks mParticle's @mparticle/data-planning-node what is unplanned. Each line of
// the input is {"plan": ..., "batch": ...}, each line of the output what the package
// says of the events, one by one, and of the user's attributes.
const { DataPlanService } = require('@mparticle/data-planning-node');

console.warn = () => {};

async function main() {
    const service = new DataPlanService();
    for (const line of require('fs').readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
        const { plan, batch } = JSON.parse(line);
        const events = [];
        for (const event of batch.events) {
            events.push((await service.validateEvent(event, plan)).results[0]);
        }
        const user = (await service.validateBatch({ user_attributes: batch.user_attributes }, plan)).results;
        console.log(JSON.stringify({ events, user }));
    }
}

main();
